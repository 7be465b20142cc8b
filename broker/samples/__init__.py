"""Which calls were looked at, and what was found: draws, samples, scores, shadow calls, evidence, in a file of its own.

The file lies beside the ledger and is private like it; what it holds of content is nothing unless the settings say so.
"""
