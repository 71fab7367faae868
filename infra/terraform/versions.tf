terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# Credentials and endpoints come from the standard AWS settings (AWS_PROFILE, AWS_ENDPOINT_URL, ...) alone.
provider "aws" {
  region = local.region

  default_tags {
    tags = local.tags
  }
  ignore_tags {
    key_prefixes = ["spillway:"] # what scaling remembers (docs/decisions/scaling-function.md)
  }
}

# The region of the table's global replica; without a replica, the provider is not used.
provider "aws" {
  alias  = "replica"
  region = coalesce(var.table_replica_region, local.region)

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
