"""Clients that pay, and what became of each payment.

probing         cohorts of clients that pay at a steady pace
cohorts         how the clients of each cohort resolve and connect
payment         one payment: its request, and what its answer means
pace            when each client pays, and when it resolves the name again
ledger          what each client was told
steady          waits until all payments succeed
tables          what a region holds: payments, settlements, messages, receipts
stored_tables   the same, stored with a run
reconcile       the ledger compared with both regions' tables
losses          the counts: lost, stranded, duplicated, late
announce        announces stored payments that were never announced
waits           how long clients waited while nothing was broken
"""
