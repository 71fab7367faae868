# What the pipeline's options need besides: each by the name of its variable, with the actions that read its
# configuration, the actions that make it, on which ARNs, and the service-linked roles that AWS makes with it.
locals {
  # What delivers its logs to CloudWatch Logs asks these of whoever sets it up; they know no resource.
  log_delivery = ["logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy"]
  autoscaling = {
    reads = []
    makes = [
      "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget",
      "application-autoscaling:PutScalingPolicy", "application-autoscaling:RegisterScalableTarget",
      "application-autoscaling:TagResource", "application-autoscaling:UntagResource",
    ]
    arns = ["application-autoscaling:${local.here}:scalable-target/*"]
  }

  options = {
    # An HTTP API alone asks them; a REST API logs by a role that the account sets.
    access_logs = [{
      reads = []
      makes = concat(local.log_delivery, ["logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:UpdateLogDelivery"])
      arns  = ["*"]
    }]
    lambda_authorizer = [{ # its function is not the pipeline's
      reads = ["lambda:GetPolicy"]
      makes = ["lambda:AddPermission", "lambda:RemovePermission"]
      arns  = ["lambda:${local.here}:function:*"]
    }]
    domain = [
      {
        reads = ["acm:DescribeCertificate", "acm:ListTagsForCertificate"]
        makes = ["acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:RemoveTagsFromCertificate"]
        arns  = ["acm:${local.here}:certificate/*"]
      },
      { reads = [], makes = ["acm:RequestCertificate"], arns = ["*"] },
      {
        reads = ["apigateway:GET"]
        makes = [
          "apigateway:AddCertificateToDomain", "apigateway:DELETE", "apigateway:PATCH", "apigateway:POST",
          "apigateway:RemoveCertificateFromDomain",
        ]
        arns = ["apigateway:${var.region}::/domainnames", "apigateway:${var.region}::/domainnames/*"]
      },
      {
        reads = ["route53:GetHostedZone", "route53:ListResourceRecordSets"]
        makes = ["route53:ChangeResourceRecordSets"]
        arns  = ["route53:::hostedzone/*"]
      },
      { reads = [], makes = ["route53:GetChange"], arns = ["route53:::change/*"] },
    ]
    provisioned_concurrency = [local.autoscaling]
    table_capacity          = [local.autoscaling]
    # DynamoDB asks the maker of a replica for all of these, though Terraform neither reads nor writes items.
    table_replica_region = [{
      reads = [
        "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
      ]
      makes = [
        "dynamodb:BatchWriteItem", "dynamodb:CreateTable", "dynamodb:CreateTableReplica", "dynamodb:DeleteItem",
        "dynamodb:DeleteTable", "dynamodb:DeleteTableReplica", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
        "dynamodb:Scan", "dynamodb:TagResource", "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateItem", "dynamodb:UpdateTable",
      ]
      arns = ["dynamodb:*:${local.account}:table/spillway-ENVIRONMENT-*"]
    }]
    vpc_cidr = [{
      reads = []
      makes = [
        "ec2:AssociateRouteTable", "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateFlowLogs", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateTags",
        "ec2:CreateVpc", "ec2:CreateVpcEndpoint", "ec2:DeleteFlowLogs", "ec2:DeleteRouteTable", "ec2:DeleteSecurityGroup",
        "ec2:DeleteSubnet", "ec2:DeleteTags", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints", "ec2:DisassociateRouteTable",
        "ec2:ModifySecurityGroupRules", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint",
        "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "route53:AssociateVPCWithHostedZone",
      ]
      arns = ["*"]
    }]
    waf = [
      {
        reads = ["wafv2:GetLoggingConfiguration", "wafv2:GetWebACL", "wafv2:ListTagsForResource"]
        makes = [
          "wafv2:AssociateWebACL", "wafv2:CreateWebACL", "wafv2:DeleteLoggingConfiguration", "wafv2:DeleteWebACL",
          "wafv2:PutLoggingConfiguration", "wafv2:TagResource", "wafv2:UntagResource", "wafv2:UpdateWebACL",
        ]
        arns = [
          "wafv2:${local.here}:regional/webacl/spillway-ENVIRONMENT-api/*",
          "wafv2:${local.here}:regional/managedruleset/*/*", # a web ACL that names managed rules needs them as well
        ]
      },
      {
        reads = ["wafv2:GetWebACLForResource"]
        makes = ["apigateway:SetWebACL", "wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"]
        arns  = ["apigateway:${var.region}::/restapis/*"]
      },
      { reads = [], makes = local.log_delivery, arns = ["*"] },
    ]
  }

  service_linked_roles = {
    provisioned_concurrency = "lambda.application-autoscaling.amazonaws.com"
    table_capacity          = "dynamodb.application-autoscaling.amazonaws.com"
    table_replica_region    = "replication.dynamodb.amazonaws.com"
    waf                     = "wafv2.amazonaws.com"
  }
}

data "aws_iam_policy_document" "options" {
  for_each = var.environments

  # checkov:skip=CKV_AWS_109:these actions know no resource, or one whose id only AWS gives; another environment's are denied
  # checkov:skip=CKV_AWS_111:these actions know no resource, or one whose id only AWS gives; another environment's are denied
  # checkov:skip=CKV_AWS_356:these actions know no resource, or one whose id only AWS gives; another environment's are denied

  dynamic "statement" {
    for_each = { for each in flatten([for option in var.options : [for n, grant in local.options[option] :
    { sid = "${replace(title(replace(option, "_", " ")), " ", "")}${n}", grant = grant }]]) : each.sid => each.grant }
    content {
      sid     = statement.key
      actions = concat(statement.value.reads, statement.value.makes)
      resources = [for arn in statement.value.arns :
      arn == "*" ? arn : replace("arn:${local.partition}:${arn}", "ENVIRONMENT", each.key)]

      # Of a function that is not the pipeline's, only who may call it as API Gateway.
      dynamic "condition" {
        for_each = contains(statement.value.makes, "lambda:AddPermission") ? ["apigateway.amazonaws.com"] : []
        content {
          test     = "StringEqualsIfExists"
          variable = "lambda:Principal"
          values   = [condition.value]
        }
      }
    }
  }
  dynamic "statement" {
    for_each = { for option, service in local.service_linked_roles : option => service if contains(var.options, option) }
    content {
      sid       = "Role${replace(title(replace(statement.key, "_", " ")), " ", "")}"
      actions   = ["iam:CreateServiceLinkedRole"]
      resources = ["arn:${local.partition}:iam::${local.account}:role/aws-service-role/${statement.value}/*"]

      condition {
        test     = "StringEquals"
        variable = "iam:AWSServiceName"
        values   = [statement.value]
      }
    }
  }
}
