"""Deployment to AWS: preflight, package, Terraform runs, canary."""
