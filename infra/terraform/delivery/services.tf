# What the pipeline consists of, by service: its ARNs in one environment, the actions that read its configuration, and
# the actions that make it. No action here reads or writes events.
locals {
  # IAM knows no resource for these actions, or the ARN holds an id that only AWS gives.
  unnamed_reads = [
    "application-autoscaling:Describe*", "application-autoscaling:ListTagsForResource",
    "backup:GetBackup*", "backup:ListTags", "cloudwatch:DescribeAlarms", "ec2:Describe*",
    "kinesis:DescribeLimits", "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListAliases",
    "kms:ListResourceTags", "lambda:GetAccountSettings", "lambda:GetEventSourceMapping",
    "lambda:ListTags", "logs:DescribeLogGroups", "logs:DescribeQueryDefinitions", "sns:GetSubscriptionAttributes",
    "sts:GetCallerIdentity",
    "xray:GetSamplingRules", "xray:ListTagsForResource",
  ]

  # Not the collection /apikeys: reading it returns the keys of every environment.
  api_paths = ["restapis/*", "apis/*", "apikeys/*", "usageplans/*", "tags/*"]

  services = { for environment in var.environments : environment => {
    athena = {
      arns  = ["athena:${local.here}:workgroup/spillway-${environment}"]
      reads = ["athena:GetNamedQuery", "athena:GetWorkGroup", "athena:ListTagsForResource"]
      makes = [
        "athena:CreateNamedQuery", "athena:CreateWorkGroup", "athena:DeleteNamedQuery", "athena:DeleteWorkGroup",
        "athena:TagResource", "athena:UntagResource", "athena:UpdateWorkGroup",
      ]
    }
    backup = {
      arns  = ["backup:${local.here}:backup-vault:spillway-${environment}"]
      reads = ["backup:DescribeBackupVault"]
      makes = [
        "backup:CreateBackupVault", "backup:DeleteBackupVault", "backup:ListRecoveryPointsByBackupVault", # before it deletes one
        "backup:TagResource", "backup:UntagResource",
      ]
    }
    budgets = {
      arns  = ["budgets::${local.account}:budget/spillway-${environment}", "budgets::${local.account}:budget/spillway-${environment}-account"]
      reads = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
      makes = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"]
    }
    cloudwatch = {
      arns = [
        "cloudwatch:${local.here}:alarm:spillway-${environment}-*",
        "cloudwatch::${local.account}:dashboard/spillway-${environment}",
      ]
      reads = ["cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
      makes = [
        "cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource", "cloudwatch:UntagResource",
      ]
    }
    dynamodb = {
      arns = ["dynamodb:${local.here}:table/spillway-${environment}-*"]
      reads = [
        "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
      ]
      makes = [
        "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:TagResource", "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
      ]
    }
    events = {
      arns  = ["events:${local.here}:rule/spillway-${environment}-*"]
      reads = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
      makes = [
        "events:DeleteRule", "events:PutRule", "events:PutTargets",
        "events:RemoveTargets", "events:TagResource", "events:UntagResource",
      ]
    }
    firehose = {
      arns  = ["firehose:${local.here}:deliverystream/spillway-${environment}-*"]
      reads = ["firehose:DescribeDeliveryStream", "firehose:ListTagsForDeliveryStream"]
      makes = [
        "firehose:CreateDeliveryStream", "firehose:DeleteDeliveryStream", "firehose:TagDeliveryStream",
        "firehose:UntagDeliveryStream", "firehose:UpdateDestination",
      ]
    }
    glue = {
      arns = [
        "glue:${local.here}:catalog", "glue:${local.here}:database/spillway_${environment}",
        "glue:${local.here}:table/spillway_${environment}/*",
        "glue:${local.here}:userDefinedFunction/spillway_${environment}/*", # DeleteDatabase asks for it
      ]
      reads = ["glue:GetDatabase", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTags"]
      makes = [
        "glue:CreateDatabase", "glue:CreateTable", "glue:DeleteDatabase", "glue:DeleteTable", "glue:TagResource",
        "glue:UntagResource", "glue:UpdateDatabase", "glue:UpdateTable",
      ]
    }
    iam = {
      arns = ["iam::${local.account}:role/spillway-${environment}-*"]
      reads = [
        "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
      ]
      makes = [
        "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:ListInstanceProfilesForRole", # before it deletes one
        "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRoleDescription",
      ]
    }
    kinesis = {
      arns = ["kinesis:${local.here}:stream/spillway-${environment}-*"]
      reads = [
        "kinesis:DescribeStreamConsumer", "kinesis:DescribeStreamSummary", "kinesis:ListTagsForStream",
      ]
      makes = [
        "kinesis:AddTagsToStream", "kinesis:CreateStream", "kinesis:DecreaseStreamRetentionPeriod",
        "kinesis:DeleteStream", "kinesis:DeregisterStreamConsumer", "kinesis:DisableEnhancedMonitoring",
        "kinesis:EnableEnhancedMonitoring", "kinesis:IncreaseStreamRetentionPeriod", "kinesis:RegisterStreamConsumer",
        "kinesis:RemoveTagsFromStream", "kinesis:StartStreamEncryption",
        "kinesis:TagResource", "kinesis:UntagResource", "kinesis:UpdateShardCount", "kinesis:UpdateStreamMode",
      ]
    }
    lambda = {
      arns = ["lambda:${local.here}:function:spillway-${environment}-*"]
      reads = [
        "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig",
        "lambda:GetFunctionEventInvokeConfig", "lambda:GetPolicy", "lambda:GetProvisionedConcurrencyConfig",
        "lambda:ListVersionsByFunction",
      ]
      makes = [
        "lambda:AddPermission", "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteAlias",
        "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency", "lambda:DeleteFunctionEventInvokeConfig",
        "lambda:DeleteProvisionedConcurrencyConfig", "lambda:GetFunctionConfiguration", "lambda:ListAliases",
        "lambda:PublishVersion", "lambda:PutFunctionConcurrency",
        "lambda:PutFunctionEventInvokeConfig", "lambda:PutProvisionedConcurrencyConfig", "lambda:RemovePermission",
        "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias", "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionEventInvokeConfig",
      ]
    }
    logs = {
      arns = [for group in [
        "/aws/lambda/spillway-${environment}-*", "/aws/kinesisfirehose/spillway-${environment}-*",
        "/aws/apigateway/spillway-${environment}-*", "/aws/vpc/spillway-${environment}-*",
        "aws-waf-logs-spillway-${environment}", "aws-waf-logs-spillway-${environment}:*", # most actions ask for the second form
      ] : "logs:${local.here}:log-group:${group}"]
      reads = ["logs:DescribeLogStreams", "logs:ListTagsForResource"]
      makes = [
        "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DeleteLogGroup",
        "logs:DeleteLogStream", "logs:PutRetentionPolicy", "logs:TagResource",
        "logs:UntagResource",
      ]
    }
    resource-groups = {
      arns = ["resource-groups:${local.here}:group/spillway-${environment}"]
      reads = [
        "resource-groups:GetGroup", "resource-groups:GetGroupConfiguration", "resource-groups:GetGroupQuery",
        "resource-groups:GetTags",
      ]
      makes = [
        "resource-groups:DeleteGroup", "resource-groups:Tag", "resource-groups:Untag", "resource-groups:UpdateGroup",
        "resource-groups:UpdateGroupQuery",
      ]
    }
    s3 = {
      arns = ["s3:::spillway-${environment}-*-${local.account}"]
      reads = [
        "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration",
        "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket",
      ]
      makes = [
        "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy",
        "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
      ]
    }
    sns = {
      arns  = ["sns:${local.here}:spillway-${environment}-*"]
      reads = ["sns:GetTopicAttributes", "sns:ListTagsForResource"]
      makes = [
        "sns:CreateTopic", "sns:DeleteTopic", "sns:ListSubscriptionsByTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource",
        "sns:UntagResource",
      ]
    }
    sqs = {
      arns  = ["sqs:${local.here}:spillway-${environment}-*"]
      reads = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
      makes = ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
    }
    xray = {
      arns = [
        "xray:${local.here}:group/spillway-${environment}/*",
        "xray:${local.here}:sampling-rule/spillway-${environment}",
      ]
      reads = ["xray:GetGroup"]
      makes = [
        "xray:CreateGroup", "xray:CreateSamplingRule", "xray:DeleteGroup", "xray:DeleteSamplingRule",
        "xray:TagResource", "xray:UntagResource", "xray:UpdateGroup", "xray:UpdateSamplingRule",
      ]
    }
  } }
}
