"""The console of `spillway run` reads the stream in its own process."""

from infra.cli.console_here import PipelineHere
from infra.local.pipeline import LocalPipeline
from infra.settings import load

NOBODY_LISTENS = "http://127.0.0.1:1"


def test_the_stream_is_read_without_http_and_is_the_pipelines_own():
    settings = load("local")
    with LocalPipeline(settings, "local", 0, 0) as pipeline:
        here = PipelineHere(aws_url=NOBODY_LISTENS, post_url=pipeline.url, loaded=settings)
        over_http = PipelineHere(aws_url=pipeline.aws_url, post_url=pipeline.url, loaded=settings)
        described = here.client("kinesis").describe_stream_summary(StreamName=pipeline.names.stream)
        queues = over_http.client("sqs").list_queues()["QueueUrls"]
    assert described["StreamDescriptionSummary"]["OpenShardCount"] == settings.stream.shards
    assert any(url.endswith(pipeline.names.dead_letter_queue) for url in queues)
