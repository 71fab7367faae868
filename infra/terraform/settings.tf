# The numbers: infra/pipeline.yaml, with the section of this environment laid over it as infra/settings.py does.
locals {
  pipeline  = yamldecode(coalesce(var.pipeline, file("${path.module}/../pipeline.yaml")))
  overrides = try(merge({}, local.pipeline.environments[var.environment]), {})
  settings = {
    for section, values in local.pipeline : section => try(
      merge(values, try(local.overrides[section], {})), # a section
      try(local.overrides[section], values),            # a plain value, such as the region
    ) if section != "environments"
  }

  region = coalesce(var.region, local.settings.region)
  tags = merge(var.tags, {
    Project     = "spillway"
    Environment = var.environment
    Deployment  = local.prefix # Project and Environment in one, since a budget cannot ask for both
    ManagedBy   = "terraform"
  })
}
