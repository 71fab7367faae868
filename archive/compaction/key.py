"""What makes two rows copies of one event; importable without pyarrow, which the compactor's function does not have."""

from typing import Final

KEY: Final = ("timestamp_micros", "request_id")
