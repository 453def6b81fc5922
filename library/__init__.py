"""References: catalogue, store, building and importing."""
