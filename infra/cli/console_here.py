"""The console that `spillway run` serves at a path of its port."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.cli.context import LOCAL_KEY, Context
from infra.cli.edge import explain

if TYPE_CHECKING:
    from infra.local.gateway import Application, Scope, Send
    from infra.local.pipeline import LocalPipeline
    from infra.local.request_body import Receive
    from infra.settings import Settings

MOUNT: Final = "/console/"
ANSWERED_HERE: Final = frozenset({"kinesis"})  # by the local AWS, which is installed in the pipeline's process
FOLDER: Final = "console"  # beside the data of `spillway run`


@dataclass(frozen=True, slots=True)
class PipelineHere(Context):
    """The pipeline of this process, as the commands find it over HTTP."""

    aws_url: str = ""
    post_url: str = ""
    loaded: "Settings | None" = None

    def settings(self) -> "Settings":
        """The settings that the pipeline runs with."""
        return self.loaded or Context.settings(self)

    def client(
        self, service: str, *, attempts: int | None = None, region: str | None = None, connections: int = 10
    ) -> Any:
        """A client of the local endpoint; of Kinesis one that is answered in this process.

        Pages that follow the stream read it several times a second. Over HTTP each read would take from posting.
        """
        import boto3  # noqa: PLC0415 (`spillway run` has loaded it)
        from botocore.config import Config  # noqa: PLC0415 (as above)

        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=None if service in ANSWERED_HERE else self.aws_url,
            region_name=region or self.settings().region,
            aws_access_key_id=LOCAL_KEY,
            aws_secret_access_key=LOCAL_KEY,
            config=Config(retries={"total_max_attempts": attempts or 2}, max_pool_connections=connections),
        )

    def region(self) -> str:
        """The region."""
        return self.settings().region

    def url(self, given: str | None = None) -> str:
        """Where events are posted."""
        return given or self.post_url


@contextmanager
def served_by(pipeline: "LocalPipeline", settings: "Settings", data: Path | None) -> Iterator[str]:
    """Serve the console at a path of a pipeline's port; yield its address.

    The pages are loaded at the first request, so that the pipeline starts as quickly without them.

    Args:
        pipeline: that runs.
        settings: of it.
        data: the folder of its data; None where nothing is kept.
    """
    from infra.console.security import Guard  # noqa: PLC0415 (Flask, which moto has loaded in a pipeline)

    here = PipelineHere(aws_url=pipeline.aws_url, post_url=pipeline.url, loaded=settings)
    guard = Guard(int(pipeline.origin.rpartition(":")[2]))
    with ExitStack() as stack:

        def load() -> "Application":
            from infra.cli.dead_letter_options import operator  # noqa: PLC0415 (at the first request)
            from infra.console.console import Console  # noqa: PLC0415 (as above)
            from infra.console.serving import serve  # noqa: PLC0415 (as above)
            from infra.console.watch import Watch  # noqa: PLC0415 (as above)

            folder = stack.enter_context(tempfile.TemporaryDirectory()) if data is None else data / FOLDER
            console = Console(
                here,
                Watch(pipeline.status),
                explain=lambda error: explain(error, here),
                operator=lambda: operator(here),
                folder=Path(folder),
            )
            return stack.enter_context(serve(console, guard))

        pipeline.gateway.mount(MOUNT, _AtFirst(load))
        yield guard.url


class _AtFirst:
    """An application that is loaded at its first request.

    Args:
        load: gives the application; called once, on another thread.
    """

    def __init__(self, load: "Callable[[], Application]") -> None:
        self._load = load
        self._lock = asyncio.Lock()
        self._loaded: Application | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        async with self._lock:
            if self._loaded is None:
                self._loaded = await asyncio.to_thread(self._load)
        await self._loaded(scope, receive, send)
