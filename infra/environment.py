"""What a command or a page needs to know of the environment that it works on."""

from typing import Any, Protocol

from infra.names import Names
from infra.settings import Settings


class Environment(Protocol):
    """One environment, with the operator's own credentials."""

    @property
    def environment(self) -> str:
        """Its name, such as `local` or `prod`."""

    @property
    def is_local(self) -> bool:
        """Whether it is the pipeline on this machine."""

    def settings(self) -> Settings:
        """Its settings."""

    def names(self) -> Names:
        """The names of its resources."""

    def client(self, service: str, *, attempts: int | None = None, connections: int = 10) -> Any:
        """A client for one AWS service.

        Args:
            service: such as `kinesis`.
            attempts: of a call at the most, for a caller that backs off by itself.
            connections: that its pool keeps open at once.
        """
