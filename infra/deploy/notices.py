"""What an applied environment still lacks, which only a person can give: one line each."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

BUDGET_TAG: Final = "Deployment"
COST_EXPLORER_REGION: Final = "us-east-1"  # Cost Explorer has one endpoint


def notices(topics: Mapping[str, str], session: boto3.Session) -> Iterator[str]:
    """Look for what is missing.

    Args:
        topics: the ARNs of the topics `high` and `low`.
        session: of the environment's region.
    """
    if not has_subscriber(session.client("sns"), topics["high"]):
        yield (
            f"Nobody hears of alarms: {topics['high']} has no confirmed subscriber. Set alarm_emails in the "
            "environment's tfvars and confirm the e-mail, or subscribe a pager."
        )
    if not tag_is_active(session.client("ce", region_name=COST_EXPLORER_REGION)):
        yield (
            f"The budget reads 0 until the tag {BUDGET_TAG} is a cost allocation tag: activate it in the console under "
            "Billing, Cost allocation tags (in an organisation, in its management account)."
        )


def has_subscriber(sns: Any, topic: str) -> bool:
    """Whether a topic has a confirmed subscriber.

    Args:
        sns: a boto3 client.
        topic: its ARN.
    """
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    return any(each["SubscriptionArn"].startswith("arn:") for page in pages for each in page["Subscriptions"])


def tag_is_active(cost_explorer: Any) -> bool:
    """Whether the budget's tag is active; False where that cannot be read, as in a member of an organisation."""
    try:
        answer = cost_explorer.list_cost_allocation_tags(TagKeys=[BUDGET_TAG], Status="Active")
    except (ClientError, BotoCoreError):
        return False
    return bool(answer["CostAllocationTags"])
