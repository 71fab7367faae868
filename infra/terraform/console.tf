# One page in the console with everything of this environment.
resource "aws_resourcegroups_group" "this" {
  name        = local.prefix
  description = "Everything of Spillway ${var.environment}"

  resource_query {
    query = jsonencode({
      ResourceTypeFilters = ["AWS::AllSupported"]
      TagFilters = [
        { Key = "Project", Values = ["spillway"] },
        { Key = "Environment", Values = [var.environment] },
      ]
    })
  }
}
