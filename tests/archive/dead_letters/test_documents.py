"""Documents that are written only where nobody else wrote in the meantime."""

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from archive.dead_letters.documents import Documents, WrittenByAnother
from tests.aws_errors import aws_error
from tests.clock import FakeClock


@pytest.fixture
def documents(aws):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="dead", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return Documents(s3, "dead", FakeClock())


def test_a_missing_document_is_none(documents):
    assert documents.read("x") is None


def test_of_two_who_write_a_new_document_one_is_refused(documents):
    documents.write_if("x", b"ann", None)
    with pytest.raises(WrittenByAnother):
        documents.write_if("x", b"bob", None)
    assert documents.read("x").body == b"ann"


def test_of_two_who_change_a_document_one_is_refused(documents):
    etag = documents.write_if("x", b"0", None)
    second = documents.write_if("x", b"ann", etag)
    with pytest.raises(WrittenByAnother):
        documents.write_if("x", b"bob", etag)
    assert documents.read("x").etag == second


def test_a_document_that_is_gone_was_changed(documents):
    etag = documents.write_if("x", b"0", None)
    documents.s3.delete_object(Bucket="dead", Key="x")
    with pytest.raises(WrittenByAnother):
        documents.write_if("x", b"1", etag)


class LosingAnswers:
    """An S3 whose first answers to a write are lost, after the write took place."""

    def __init__(self, s3, *errors):
        self._s3 = s3
        self._errors = list(errors)

    def __getattr__(self, name):
        return getattr(self._s3, name)

    def put_object(self, **call):
        answer = self._s3.put_object(**call)
        if self._errors:
            raise self._errors.pop(0)
        return answer


@pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url="s3"), aws_error("InternalError", 500)])
def test_a_write_whose_answer_was_lost_is_recognised_as_ones_own(documents, error):
    losing = Documents(LosingAnswers(documents.s3, error), "dead", documents.clock)  # type: ignore[arg-type]
    etag = losing.write_if("x", b"ann", None)
    assert documents.read("x").etag == etag
    assert documents.write_if("x", b"more", etag)


def test_what_is_refused_for_good_is_not_tried_again(documents):
    losing = Documents(LosingAnswers(documents.s3, aws_error("AccessDenied", 403)), "dead", documents.clock)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="AccessDenied"):
        losing.write_if("x", b"ann", None)
