"""The outcome warehouse: agency extracts in, gated outcome indicators out."""
