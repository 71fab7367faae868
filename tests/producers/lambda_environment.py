"""The environment that Lambda gives a function, as far as the wire client looks at it."""

from producers.wire import Timeouts
from producers.wire_configuration import SWITCH

TIMEOUTS = Timeouts(0.5, 0.3)
LAMBDA = {
    f"{SWITCH}KINESIS": "on",
    f"{SWITCH}DYNAMODB": "on",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_REGION": "eu-west-2",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "spillway-dev-http_api",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "_X_AMZN_TRACE_ID": "Root=1-6922d9d0-0123456789abcdef01234567",
    "PATH": "/usr/bin",
}
