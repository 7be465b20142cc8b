"""One file a capability: thin typed methods over the one call path."""
