# What is of AWS alone; the pipeline's numbers are in infra/pipeline.yaml. The options of the API are in variables_api.tf.

variable "environment" {
  description = "Which environment this is, such as dev or prod: part of every name."
  type        = string
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,15}$", var.environment))
    error_message = "environment: 2 to 16 lower-case letters and digits, a letter first; permissions of dev would reach dev-x."
  }
}

variable "pipeline" {
  description = "The text of other settings than infra/pipeline.yaml: for tests."
  type        = string
  default     = null

  # Of the whole file and each environment's section of it.
  validation {
    condition = alltrue([for section in flatten([
      yamldecode(coalesce(var.pipeline, file("${path.module}/../pipeline.yaml"))),
      values(yamldecode(coalesce(var.pipeline, file("${path.module}/../pipeline.yaml"))).environments),
    ]) : alltrue([for cidr in try(section.http.allowed_cidrs, []) : can(cidrhost(cidr, 0))])])
    error_message = "http.allowed_cidrs in infra/pipeline.yaml: ${join(", ", distinct(flatten([for section in flatten([
      yamldecode(coalesce(var.pipeline, file("${path.module}/../pipeline.yaml"))),
      values(yamldecode(coalesce(var.pipeline, file("${path.module}/../pipeline.yaml"))).environments),
    ]) : [for cidr in try(section.http.allowed_cidrs, []) : cidr if !can(cidrhost(cidr, 0))]])))} is no network in CIDR notation, such as 203.0.113.0/24."
  }
}

variable "region" {
  description = "The AWS region; left out: the one in infra/pipeline.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: no AWS region is called so; they look like eu-west-2."
  }
}

variable "tags" {
  description = "Tags for everything, besides Project, Environment, Deployment and ManagedBy."
  type        = map(string)
  default     = {}
}

variable "package_file" {
  description = "The Lambda package, as `spillway package` builds it; relative to this folder."
  type        = string
  default     = "../../dist/lambda.zip"
}

variable "operators" {
  description = "ARNs of the IAM roles and users that may read and write what the pipeline holds, as users of its key; left out: whoever applies this."
  type        = list(string)
  default     = null

  validation {
    condition     = alltrue([for arn in coalesce(var.operators, []) : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "operators: each is the ARN of an IAM role or user, such as arn:aws:iam::123456789012:role/operator."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps logs."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = <<-TEXT
      log_retention_days: CloudWatch knows 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557,
      2922, 3288 and 3653.
    TEXT
  }
}

variable "stream_mode" {
  description = "PROVISIONED: as many shards as infra/pipeline.yaml says. ON_DEMAND: Kinesis scales by itself."
  type        = string
  default     = "PROVISIONED"

  validation {
    condition     = contains(["PROVISIONED", "ON_DEMAND"], var.stream_mode)
    error_message = "stream_mode: PROVISIONED or ON_DEMAND."
  }
  validation {
    condition     = var.stream_mode == "PROVISIONED" || !local.scales
    error_message = "stream_mode: an on-demand stream scales by itself; set scaling.enabled to false in infra/pipeline.yaml."
  }
}

variable "standing_shards" {
  description = "How many shards the stream has now, 0 for none, so that automatic scaling is not undone. `spillway deploy` passes it."
  type        = number
  default     = null

  validation {
    condition     = var.standing_shards != null || !local.scales
    error_message = "standing_shards: scaling.enabled is true in infra/pipeline.yaml; pass the present number of shards, as `spillway deploy` does."
  }
}

variable "enhanced_fan_out" {
  description = "Whether the table writer reads by a registered consumer: 2 MiB a second of each shard for itself, for a fee."
  type        = bool
  default     = false
}

variable "shard_level_metrics" {
  description = "Kinesis metrics to have for every shard, each billed as a custom metric; they show a hot shard."
  type        = set(string)
  default     = ["IncomingBytes", "IncomingRecords", "WriteProvisionedThroughputExceeded", "IteratorAgeMilliseconds"]

  validation {
    condition = length(setsubtract(var.shard_level_metrics, [
      "IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords", "IteratorAgeMilliseconds",
      "WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded",
    ])) == 0
    error_message = <<-TEXT
      shard_level_metrics: IncomingBytes, IncomingRecords, OutgoingBytes, OutgoingRecords, IteratorAgeMilliseconds,
      WriteProvisionedThroughputExceeded, ReadProvisionedThroughputExceeded.
    TEXT
  }
}

variable "reserve_concurrency" {
  description = <<-TEXT
    Whether the HTTP function, the archiver and what a schedule calls have executions reserved, which also bounds them.
    Lambda leaves 100 executions of the account unreserved, and a new account has 10 to 50 in all, so the default is false.
    What reads the stream has none reserved either way: it needs as many as there are shards.
  TEXT
  type        = bool
  default     = false
}

variable "provisioned_concurrency" {
  description = "Executions of the HTTP function kept warm: at least `min`, scaled up to `max` by their use; left out: none."
  type        = object({ min = number, max = number })
  default     = null

  validation {
    condition = try(var.provisioned_concurrency.min >= 1 && var.provisioned_concurrency.max >= var.provisioned_concurrency.min,
    var.provisioned_concurrency == null)
    error_message = "provisioned_concurrency: min is at least 1, max at least min."
  }
}

variable "snap_start" {
  description = "Whether the HTTP function starts from a snapshot (SnapStart), with its imports done; Lambda bills for keeping and restoring it."
  type        = bool
  default     = false

  validation {
    condition     = !(var.snap_start && var.provisioned_concurrency != null)
    error_message = "snap_start: Lambda refuses it together with provisioned_concurrency; choose one."
  }
}

variable "table_capacity" {
  description = "Provisioned capacity of the table, between min and max units by use; left out: on demand."
  type = object({
    read  = object({ min = number, max = number })
    write = object({ min = number, max = number })
  })
  default = null

  validation {
    condition = var.table_capacity == null || alltrue([
      for units in try([var.table_capacity.read, var.table_capacity.write], []) : units.min >= 1 && units.max >= units.min
    ])
    error_message = "table_capacity: for read and for write, min is at least 1, max at least min."
  }
}

variable "table_replica_region" {
  description = "A second region in which DynamoDB keeps the table (global table); left out: none."
  type        = string
  default     = null

  validation {
    condition     = var.table_replica_region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.table_replica_region))
    error_message = "table_replica_region: no AWS region is called so; they look like eu-west-1."
  }
  validation {
    condition     = var.table_replica_region == null || var.table_replica_region != local.region
    error_message = "table_replica_region: the table stands in that region already; name another."
  }
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the table; `spillway destroy --delete-data` switches it off."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether destroying deletes buckets with what is in them; `spillway destroy --delete-data` switches it on."
  type        = bool
  default     = false
}

variable "storage_transitions" {
  description = "After how many days objects of the lake and dead letters move to which cheaper storage class."
  type        = map(number)
  default     = { STANDARD_IA = 30, GLACIER_IR = 90 }

  validation {
    condition = alltrue([for class, days in var.storage_transitions :
    contains(["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"], class) && (days >= 30 || !endswith(class, "_IA"))])
    error_message = "storage_transitions: STANDARD_IA or ONEZONE_IA after 30 days or more, INTELLIGENT_TIERING, GLACIER_IR; Athena reads no other."
  }
}

variable "athena_scan_limit_gib" {
  description = "Athena cancels a query that has scanned so much."
  type        = number
  default     = 100

  validation {
    condition     = var.athena_scan_limit_gib >= 0.01
    error_message = "athena_scan_limit_gib: at least 0.01 (Athena's least is 10 MB)."
  }
}

variable "vpc_cidr" {
  description = "Addresses of a VPC of the pipeline's own, in which the functions run without a way to the internet, such as 10.20.0.0/24; left out: none."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_cidr == null || can(cidrsubnet(var.vpc_cidr, 2, 3)) && can(regex("/(1[6-9]|2[0-6])$", var.vpc_cidr))
    error_message = "vpc_cidr: not an IPv4 network of /16 to /26, such as 10.20.0.0/24."
  }
}
