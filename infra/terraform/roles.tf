# The roles of the functions and of the services that work for the pipeline. What each may do stands with its component.
locals {
  services = {
    backup   = { name = "${local.prefix}-backup", service = "backup", description = "What AWS Backup may do for ${local.prefix}" }
    firehose = { name = "${local.prefix}-firehose", service = "firehose", description = "What the delivery stream ${local.names.delivery_stream} may do" }
    flow_log = { name = "${local.prefix}-flow-log", service = "vpc-flow-logs", description = "What the VPC's flow log may do" }
  }
}

module "roles" {
  source = "./service_role"

  permissions_boundary = var.permissions_boundary
  roles = merge(
    { for function in keys(local.functions) : function => {
      name        = local.function_names[function]
      description = "What ${local.function_names[function]} may do"
      service     = "lambda"
    } },
    { for key, role in local.services : key => merge(role, { source_account = local.account }) if key != "flow_log" || local.in_vpc },
  )
}
