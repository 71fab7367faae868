"""A Kinesis that answers PutRecords by a script."""

from hypothesis import strategies as st

from tests.aws_errors import aws_error

THROTTLED = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}


INTERNAL = {"ErrorCode": "InternalFailure", "ErrorMessage": "Internal service failure"}


class ScriptedKinesis:
    """Answers PutRecords calls by a script; past its end every record is taken.

    An entry is an exception, or for each record of the call whether it fails (the last one repeats), or a function of
    the whole answer, whose result is what comes back.
    """

    def __init__(self, *script):
        self.script = list(script)
        self.calls: list[list[bytes]] = []
        self.stream: list[bytes] = []
        self.keys: list[str] = []  # of the records on the stream

    def put_records(self, StreamName, Records):
        assert StreamName == "events"
        self.calls.append([record["Data"] for record in Records])
        step = self.script.pop(0) if self.script else []
        if isinstance(step, Exception):
            raise step
        answers = []
        cut, step = (step, []) if callable(step) else (lambda answer: answer, step)
        for n, record in enumerate(Records):
            failure = step[min(n, len(step) - 1)] if step else None
            answers.append(failure or {"SequenceNumber": str(len(self.stream)), "ShardId": "shardId-000000000000"})
            if not failure:
                self.stream.append(record["Data"])
                self.keys.append(record["PartitionKey"])
        return cut({"Records": answers, "FailedRecordCount": sum("ErrorCode" in answer for answer in answers)})


FAILURES = st.sampled_from([None, None, THROTTLED, INTERNAL])


STEPS = st.one_of(
    st.lists(FAILURES, min_size=1, max_size=8),
    st.sampled_from([aws_error("LimitExceededException"), aws_error("AccessDeniedException")]),
)
