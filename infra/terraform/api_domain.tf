# An option: a domain name of its own, with its certificate.
locals {
  makes_certificate = var.domain != null && try(var.domain.certificate_arn, null) == null
}

resource "aws_acm_certificate" "api" {
  count = local.makes_certificate ? 1 : 0

  domain_name       = var.domain.name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "certificate" {
  for_each = local.makes_certificate ? toset([var.domain.name]) : toset([])

  zone_id         = var.domain.hosted_zone_id
  name            = one([for option in aws_acm_certificate.api[0].domain_validation_options : option.resource_record_name])
  type            = one([for option in aws_acm_certificate.api[0].domain_validation_options : option.resource_record_type])
  records         = [for option in aws_acm_certificate.api[0].domain_validation_options : option.resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "api" {
  count = local.makes_certificate ? 1 : 0

  certificate_arn         = aws_acm_certificate.api[0].arn
  validation_record_fqdns = [for record in aws_route53_record.certificate : record.fqdn]
}

resource "aws_api_gateway_domain_name" "api" {
  count = var.domain == null ? 0 : 1

  domain_name              = var.domain.name
  regional_certificate_arn = local.makes_certificate ? aws_acm_certificate_validation.api[0].certificate_arn : var.domain.certificate_arn
  security_policy          = "TLS_1_2"

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

# Under the stage's name, so that a path is the same with and without the domain.
resource "aws_api_gateway_base_path_mapping" "api" {
  count = local.is_rest_api && var.domain != null ? 1 : 0

  api_id      = aws_api_gateway_rest_api.this[0].id
  stage_name  = aws_api_gateway_stage.this[0].stage_name
  domain_name = aws_api_gateway_domain_name.api[0].domain_name
  base_path   = local.stage_name
}

resource "aws_route53_record" "api" {
  for_each = var.domain == null ? toset([]) : toset(["A", "AAAA"])

  zone_id = var.domain.hosted_zone_id
  name    = aws_api_gateway_domain_name.api[0].domain_name
  type    = each.key

  alias {
    name                   = aws_api_gateway_domain_name.api[0].regional_domain_name
    zone_id                = aws_api_gateway_domain_name.api[0].regional_zone_id
    evaluate_target_health = false
  }
}
