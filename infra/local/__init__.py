"""The whole pipeline in one process: moto for the AWS APIs, and around it what moto does not run."""
