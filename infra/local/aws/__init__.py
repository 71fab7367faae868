"""What answers AWS calls on one machine."""
