"""A run's evidence, checked again by someone who was not there: `drlib.evidence.audit.audit`."""
