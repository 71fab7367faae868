"""Which configurations the wire client serves: what Lambda puts into the environment, and no other."""

import os
import re
from collections.abc import Mapping
from typing import Final

from producers.signing import Credentials
from producers.wire import ENDPOINT, Timeouts, WireClient

# With the service, such as `WIRE_CLIENT_KINESIS`: "on" lets the wire client serve, and so does the URL of an endpoint.
SWITCH: Final = "WIRE_CLIENT_"
# What Lambda sets, and what means nothing to these calls. Any other AWS_ setting is botocore's to obey.
KNOWN: Final = re.compile(
    r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|REGION|DEFAULT_REGION|EXECUTION_ENV|EC2_METADATA_DISABLED"
    r"|LAMBDA_\w+|XRAY_\w+|ENDPOINT_URL(_\w+)?)"
)
FOREIGN: Final = re.compile(r"(?i)(AWS_.*|.*_PROXY|.*_CA_BUNDLE|BOTO_CONFIG)")
CA_BUNDLES: Final = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
SETTINGS_FILES: Final = ("~/.aws/config", "~/.aws/credentials", "~/.boto", "/etc/boto.cfg")
COMMERCIAL_REGION: Final = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+")


def _is_foreign(environment: Mapping[str, str], *, is_tls: bool) -> bool:
    """Whether something is configured that only botocore obeys."""
    for name, value in environment.items():
        is_known = KNOWN.fullmatch(name) or (name in CA_BUNDLES and not is_tls)
        if value and not is_known and FOREIGN.fullmatch(name):
            return True
    return any(os.path.exists(os.path.expanduser(file)) for file in SETTINGS_FILES)  # noqa: PTH110, PTH111 (pathlib: 5 ms)


def wire_client(service: str, timeouts: Timeouts, environment: Mapping[str, str] = os.environ) -> WireClient | None:
    """The client of a service of `TARGETS`; None where botocore must serve.

    It must where the switch is not on, where credentials or region are not in the environment, and where a profile,
    container credentials, a proxy, FIPS or dual-stack endpoints, a CA bundle, or anything else unknown is configured.
    """
    switch = environment.get(f"{SWITCH}{service.upper()}") or "off"
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    region = environment.get("AWS_DEFAULT_REGION")
    if switch == "off" or not key or not secret or not region:
        return None
    url = environment.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environment.get("AWS_ENDPOINT_URL")
    if switch != "on":
        url = switch
    elif not url and COMMERCIAL_REGION.fullmatch(region):
        url = f"https://{service}.{region}.amazonaws.com"
    endpoint = ENDPOINT.fullmatch(url or "")
    if not endpoint or _is_foreign(environment, is_tls=endpoint[1] == "https"):
        return None
    credentials = Credentials(key, secret, environment.get("AWS_SESSION_TOKEN"))
    return WireClient(service, region, endpoint, credentials, timeouts)
