"""The off switch at work: what the ledger keeps of it, asked before every call and every attempt."""
