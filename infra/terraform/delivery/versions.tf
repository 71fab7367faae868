# What GitHub Actions needs of an AWS account, applied once by an administrator: see docs/delivery.md.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# Credentials and endpoints come from the standard AWS settings, as in the folder above.
provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = "spillway", ManagedBy = "terraform" }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
