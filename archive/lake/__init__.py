"""The lake: its columns, tables, rows and hours."""
