"""Runs statements in an Athena workgroup. Only this module starts them, waits for them and reads their results."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained
from producers.retry import error_code

POLL_SECONDS: Final = 0.5
ENDED: Final = ("SUCCEEDED", "FAILED", "CANCELLED")


class AthenaFailed(Explained):
    """Athena rejected a statement, or the statement failed or took too long. The message is Athena's reason."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A statement as Athena last described it.

    Args:
        id: Athena's id of the execution.
        state: Athena's state, such as `RUNNING`.
        scanned_bytes: bytes read from S3 so far.
        seconds: time since the statement was started.
        output: URI of the result object; empty if Athena names no object.
    """

    id: str
    state: str
    scanned_bytes: int
    seconds: float
    output: str


class Workgroup:
    """Runs statements in one workgroup.

    Args:
        athena: a client.
        name: name of the workgroup, which sets where results go and how much a statement may scan.
        database: database of table names that do not name one.
        clock: clock to wait by.
    """

    def __init__(self, athena: Any, name: str, database: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self._athena = athena
        self._name = name
        self._database = database
        self._clock = clock

    def run(
        self,
        sql: str,
        parameters: Sequence[str] = (),
        *,
        deadline: float = float("inf"),
        watch: Callable[[Execution], None] = lambda _: None,
    ) -> Execution:
        """Run a statement to its end. If the waiting ends early, the statement is stopped, so that it costs no more.

        Args:
            sql: one statement.
            parameters: texts that replace its question marks, in order.
            deadline: time on `clock.monotonic` at which a statement that still runs is stopped.
            watch: called with every description of the statement, including the last one.

        Raises:
            AthenaFailed: Athena rejected the statement, it failed, or it did not end in time.
            ClientError, BotoCoreError: Athena cannot be called.
        """
        request: dict[str, Any] = {
            "QueryString": sql,
            "QueryExecutionContext": {"Database": self._database},
            "WorkGroup": self._name,
        }
        if parameters:  # Athena reads parameters as SQL, so text needs quotes
            request["ExecutionParameters"] = ["'" + each.replace("'", "''") + "'" for each in parameters]
        started = self._clock.monotonic()
        try:
            execution_id = str(self._athena.start_query_execution(**request)["QueryExecutionId"])
        except ClientError as error:
            if error_code(error) == "InvalidRequestException":
                raise AthenaFailed(str(error.response["Error"].get("Message", error))) from error
            raise
        try:
            execution, reason = self._wait(execution_id, started, deadline, watch)
        except BaseException:
            self._athena.stop_query_execution(QueryExecutionId=execution_id)
            raise
        if execution.state != "SUCCEEDED":
            raise AthenaFailed(reason or f"the query was {execution.state.lower()}")
        return execution

    def _wait(
        self, execution_id: str, started: float, deadline: float, watch: Callable[[Execution], None]
    ) -> tuple[Execution, str]:
        """Wait for the execution to end; return it and Athena's reason for its state."""
        while True:
            answer = self._athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
            status = answer["Status"]
            now = self._clock.monotonic()
            execution = Execution(
                execution_id,
                status["State"],
                answer.get("Statistics", {}).get("DataScannedInBytes", 0),
                now - started,
                answer.get("ResultConfiguration", {}).get("OutputLocation", ""),
            )
            watch(execution)
            if execution.state in ENDED:
                return execution, status.get("StateChangeReason", "")
            if now > deadline:
                raise AthenaFailed("the statement did not end in time; run it again with more")
            self._clock.sleep(POLL_SECONDS)

    def rows(self, execution: Execution) -> Iterator[list[str | None]]:
        """Read the rows of a query's result as text, in pages of a thousand, without the headings."""
        headings = True
        for result in self.pages(execution):
            names = [column["Name"] for column in result["ResultSetMetadata"]["ColumnInfo"]]
            for row in result["Rows"]:
                cells = [cell.get("VarCharValue") for cell in row.get("Data", [])]
                if not (headings and cells == names):  # the first row of a SELECT holds the headings
                    yield cells
                headings = False

    def pages(self, execution: Execution) -> Iterator[Any]:
        """Read a result as GetQueryResults returns it."""
        for page in self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution.id):
            yield page["ResultSet"]
