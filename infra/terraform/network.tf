# An option: a VPC without a way to the internet, in which the functions run and AWS is reached by endpoints.
locals {
  in_vpc = var.vpc_cidr != null
  zones  = local.in_vpc ? slice(sort(data.aws_availability_zones.here[0].names), 0, 2) : []

  # What the functions call, besides DynamoDB and S3.
  interface_endpoints = toset(local.in_vpc ? concat(
    ["athena", "kinesis-streams", "sqs", "xray"],
    local.scales ? ["kinesis-firehose", "lambda", "monitoring", "sns"] : [],
  ) : [])
  gateway_endpoints = local.in_vpc ? toset(["dynamodb", "s3"]) : toset([])
}

data "aws_availability_zones" "here" {
  # checkov:skip=CKV_AWS_394:only the first two by name are used, before which AWS adds none
  count = local.in_vpc ? 1 : 0
  state = "available"

  filter {
    name   = "opt-in-status" # no local zones
    values = ["opt-in-not-required"]
  }
}

resource "aws_vpc" "this" {
  count = local.in_vpc ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = local.prefix }
}

resource "aws_subnet" "private" {
  count = length(local.zones)

  vpc_id            = aws_vpc.this[0].id
  cidr_block        = cidrsubnet(var.vpc_cidr, 1, count.index)
  availability_zone = local.zones[count.index]
  tags              = { Name = "${local.prefix}-${local.zones[count.index]}" }
}

resource "aws_route_table" "private" {
  count = local.in_vpc ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = { Name = local.prefix }
}

resource "aws_route_table_association" "private" {
  count = length(local.zones)

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[0].id
}

# The VPC's default group lets nothing through.
resource "aws_default_security_group" "this" {
  count = local.in_vpc ? 1 : 0

  vpc_id = aws_vpc.this[0].id
}

resource "aws_security_group" "functions" {
  count = local.in_vpc ? 1 : 0

  name        = "${local.prefix}-functions"
  description = "The functions: out to the endpoints alone"
  vpc_id      = aws_vpc.this[0].id
  tags        = { Name = "${local.prefix}-functions" }
}

resource "aws_security_group" "endpoints" {
  count = local.in_vpc ? 1 : 0

  name        = "${local.prefix}-endpoints"
  description = "The endpoints: in from the functions alone"
  vpc_id      = aws_vpc.this[0].id
  tags        = { Name = "${local.prefix}-endpoints" }
}

resource "aws_vpc_security_group_egress_rule" "to_interface_endpoints" {
  count = local.in_vpc ? 1 : 0

  description                  = "TLS to the interface endpoints"
  security_group_id            = aws_security_group.functions[0].id
  referenced_security_group_id = aws_security_group.endpoints[0].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "to_gateway_endpoints" {
  for_each = local.gateway_endpoints

  description       = "TLS to ${each.key}"
  security_group_id = aws_security_group.functions[0].id
  prefix_list_id    = aws_vpc_endpoint.gateway[each.key].prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "from_functions" {
  count = local.in_vpc ? 1 : 0

  description                  = "TLS from the functions"
  security_group_id            = aws_security_group.endpoints[0].id
  referenced_security_group_id = aws_security_group.functions[0].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.gateway_endpoints

  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private[0].id]
  policy            = data.aws_iam_policy_document.endpoint.json
  tags              = { Name = "${local.prefix}-${each.key}" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_endpoints

  vpc_id              = aws_vpc.this[0].id
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints[0].id]
  policy              = data.aws_iam_policy_document.endpoint.json
  tags                = { Name = "${local.prefix}-${each.key}" }
}

data "aws_iam_policy_document" "endpoint" {
  # checkov:skip=CKV_AWS_111:an endpoint bounds whose requests pass; what they may do is for the roles
  # checkov:skip=CKV_AWS_356:an endpoint bounds whose requests pass; what they may do is for the roles

  statement {
    sid = "RolesOfTheFunctionsOnly"
    actions = [
      "athena:*", "cloudwatch:*", "dynamodb:*", "firehose:*", "kinesis:*", "lambda:*", "s3:*", "sns:*", "sqs:*", "xray:*",
    ]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = values(local.function_role_arns)
    }
  }
}

resource "aws_flow_log" "this" {
  count = local.in_vpc ? 1 : 0

  vpc_id          = aws_vpc.this[0].id
  traffic_type    = "REJECT" # what the groups refused; the rest is the pipeline's own traffic
  iam_role_arn    = module.roles.arns["flow_log"]
  log_destination = aws_cloudwatch_log_group.flow_log[0].arn
  tags            = { Name = local.prefix }
}

resource "aws_cloudwatch_log_group" "flow_log" {
  count = local.in_vpc ? 1 : 0

  name              = "/aws/vpc/${local.prefix}-flow"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_iam_role_policy" "flow_log" {
  count = local.in_vpc ? 1 : 0

  name   = "component"
  role   = module.roles.names["flow_log"]
  policy = data.aws_iam_policy_document.flow_log.json
}

data "aws_iam_policy_document" "flow_log" {
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.here}:log-group:/aws/vpc/${local.prefix}-flow:*"]
  }
}
