"""An independent check of a run's evidence: `drlib.evidence.audit.audit`."""
