"""What clients see: thin Strawberry types, declarations only."""
