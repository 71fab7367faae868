"""Why a client's event or request is not accepted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something is not accepted, as the client gets it.

    Args:
        status: the HTTP status where it stands for the whole request.
        code: for programs, such as `not_json`.
        message: for people: what is wrong, where, what to do.
        path: a JSON pointer to the offending value, where there is one.
    """

    status: int
    code: str
    message: str
    path: str | None = None


class RefusedRequest(Exception):
    """The request as a whole cannot be read; nothing of it is accepted."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem
