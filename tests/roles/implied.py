"""The KMS actions that a call on something encrypted implies: shared/aws-facts-2.md, section 7.

The service asks KMS as the caller, with `kms:ViaService`. Everything of the pipeline is encrypted with one key.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from tests.roles.evaluation import Request

_DATA_KEY: Final = ("kms:GenerateDataKey",)
_DECRYPT: Final = ("kms:Decrypt",)
_BOTH: Final = ("kms:Decrypt", "kms:GenerateDataKey")
# "Encrypt, Decrypt, ReEncrypt*, GenerateDataKey*, DescribeKey": DynamoDB, for whoever reads or writes a table.
_TABLE: Final = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
# By action: the service that asks, and what it asks for.
IMPLIED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "kinesis:PutRecord": ("kinesis", _DATA_KEY),
    "kinesis:PutRecords": ("kinesis", _DATA_KEY),
    "kinesis:GetRecords": ("kinesis", _DECRYPT),
    "kinesis:SubscribeToShard": ("kinesis", _DECRYPT),
    "sqs:SendMessage": ("sqs", _BOTH),
    "sqs:ReceiveMessage": ("sqs", _DECRYPT),
    "sns:Publish": ("sns", _BOTH),
    "s3:GetObject": ("s3", _DECRYPT),
    "s3:PutObject": ("s3", _DATA_KEY),
    "s3:ListMultipartUploadParts": ("s3", _DECRYPT),  # an upload in parts decrypts the data key for each further part
    **dict.fromkeys(
        (
            "dynamodb:BatchWriteItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:TransactWriteItems",
            "dynamodb:UpdateItem",
        ),
        ("dynamodb", _TABLE),
    ),
}


def implied(request: Request, key_arn: str, region: str) -> Iterator[Request]:
    """What KMS is asked for a call of a role; nothing for a call that reads or writes no data."""
    service, actions = IMPLIED.get(request.action, ("", ()))
    for action in actions:
        yield through(service, action, request.principal, key_arn, region)


def through(service: str, action: str, principal: str, key_arn: str, region: str) -> Request:
    """A request of KMS that a service makes as somebody."""
    context = {
        "aws:PrincipalArn": principal,
        "aws:ResourceTag/Project": "spillway",
        "kms:CallerAccount": principal.split(":")[4],
        "kms:ViaService": f"{service}.{region}.amazonaws.com",
    }
    return Request(action, key_arn, principal, context)
