"""The page Pipeline: the way of an event, each part with its rate, lag, waiting and failed; which limit is nearest."""

import time
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template
from markupsafe import Markup

from infra import aws_status
from infra.console import svg
from infra.console.console import Console
from infra.console.remembered import Remembered
from infra.console.text import seconds
from infra.console.watch import SAMPLES, Flow, flows
from infra.shards.limits import WRITE_RECORDS_PER_SECOND

TITLES: Final = {  # and what of an alarm's name says that it is about this part
    "http_api": ("HTTP API", ("http", "api")),
    "stream_mapping": ("Stream", ("stream", "shard")),
    "table_writer": ("Table writer", ("table", "writer")),
    "firehose": ("Firehose, to the lake", ("firehose", "archive", "transform", "lake")),
    "queue_mapping": ("Dead-letter queue", ("queue", "parked")),
    "dead_letter_archiver": ("Dead letters", ("dead-letter", "lost")),
}
ALARMS_SECONDS: Final = 15.0  # between two questions to CloudWatch
SHARDS_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Stop:
    """One part, drawn."""

    title: str
    flow: Flow
    chart: Markup
    lag: str
    alarms: tuple[aws_status.Alarm, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit, and what of it is used.

    Args:
        name: in words.
        now: used.
        most: allowed.
        unit: of both.
    """

    name: str
    now: float
    most: float
    unit: str

    @property
    def share(self) -> float:
        """Of the limit that is used, 1 being all."""
        return self.now / self.most

    @property
    def bar(self) -> Markup:
        """The same as a bar."""
        return svg.bar(self.share, f"{self.share:.0%} used")


def register(blueprint: Blueprint, console: Console) -> None:
    """Add the page's routes."""
    view = _View(console)

    @blueprint.get("/pipeline")
    def pipeline() -> str:
        return render_template("pipeline.html", every_ms=round(console.watch.every_seconds * 750), **view.now())

    @blueprint.get("/pipeline/now")
    def pipeline_now() -> str:
        return render_template("_pipeline.html", **view.now())


class _View:
    """What the page shows; slow answers are remembered for some seconds, whoever asks."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._alarms = Remembered(self._read_alarms, ALARMS_SECONDS)
        self._shards = Remembered(self._read_shards, SHARDS_SECONDS)
        self._behind = Remembered(self._read_behind, ALARMS_SECONDS)

    def now(self) -> dict[str, object]:
        """The values of the template."""
        samples = self._console.watch.samples()
        found = flows(samples)
        alarms = self._alarms.value()
        raised = [alarm for alarm in alarms if alarm.state != "OK"]
        behind = {} if self._console.environment.is_local else self._behind.value()
        window = samples[-1].window_seconds
        since = "Counts since the start" if window is None else f"Counts of the last {window / 60:.0f} minutes"
        return {
            "stops": [_stop(flow, raised, behind.get(flow.hop.hop)) for flow in found],
            "limits": self._limits(found),
            "raised": raised,
            "alarm_note": f"All {len(alarms)} alarms are OK." if alarms else "This environment has no alarms.",
            "counts_since": since,
            "now": time.time(),
        }

    def _limits(self, found: list[Flow]) -> list[Limit]:
        """The limits, the nearest first."""
        settings = self._console.environment.settings()
        accepted = next(flow for flow in found if flow.hop.hop == "http_api")
        records = next(flow for flow in found if flow.hop.hop == "stream_mapping")
        shards = self._shards.value()
        limits = [
            Limit("Records a second, of all shards", records.rate, shards * WRITE_RECORDS_PER_SECOND, "records/s")
        ]
        if not self._console.environment.is_local or settings.local.limits == "aws":
            # A request is at least one record, and a batch is many events of one request.
            requests = min(accepted.rate, records.rate)
            limits.append(
                Limit("Requests a second, at the door", requests, settings.http.rate_per_second, "requests/s")
            )
        retention = settings.stream.retention_hours * 3_600.0
        lag = max([flow.lag_seconds or 0.0 for flow in found[1:]] + [0.0])
        limits.append(Limit("Age of what waits, until the stream drops it", lag, retention, "s"))
        return sorted(limits, key=lambda limit: -limit.share)

    def _read_alarms(self) -> list[aws_status.Alarm]:
        return aws_status.alarms(self._console.environment.client("cloudwatch"), self._console.names)

    def _read_shards(self) -> int:
        summary = self._console.environment.client("kinesis").describe_stream_summary(
            StreamName=self._console.names.stream
        )
        return int(summary["StreamDescriptionSummary"]["OpenShardCount"])

    def _read_behind(self) -> dict[str, float | None]:
        now = time.time()
        cloudwatch = self._console.environment.client("cloudwatch")
        return aws_status.behind(cloudwatch, self._console.names, since=now - 600, now=now)


def _stop(flow: Flow, raised: list[aws_status.Alarm], behind: float | None) -> Stop:
    title, words = TITLES.get(flow.hop.hop, (flow.hop.hop, ()))
    return Stop(
        title,
        flow,
        svg.spark(flow.history, f"{title}: {flow.hop.unit} a second over the last minute", length=SAMPLES - 1),
        seconds(flow.lag_seconds if behind is None else behind) if flow.hop.waiting or behind else "none",
        tuple(alarm for alarm in raised if any(word in alarm.name for word in words)),
    )
