# DynamoDB: the events, and the idempotency keys of requests.
resource "aws_dynamodb_table" "events" {
  name                        = local.names.table
  billing_mode                = var.table_capacity == null ? "PAY_PER_REQUEST" : "PROVISIONED"
  read_capacity               = try(var.table_capacity.read.min, null)
  write_capacity              = try(var.table_capacity.write.min, null)
  hash_key                    = "timestamp"
  range_key                   = "request_id"
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = var.table_replica_region != null # what replication needs
  stream_view_type            = var.table_replica_region == null ? null : "NEW_AND_OLD_IMAGES"

  attribute {
    name = "timestamp"
    type = "S"
  }
  attribute {
    name = "request_id"
    type = "S"
  }

  ttl {
    attribute_name = local.settings.table.ttl_days == null ? null : "expires_at"
    enabled        = local.settings.table.ttl_days != null
  }
  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = 35
  }
  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.this.arn
  }

  dynamic "replica" {
    for_each = aws_kms_key.replica
    content {
      region_name            = var.table_replica_region
      kms_key_arn            = replica.value.arn
      point_in_time_recovery = true
      propagate_tags         = true
    }
  }

  lifecycle {
    ignore_changes = [read_capacity, write_capacity] # scaled below
  }
}

# The replica has a key of its own region, with the same users.
resource "aws_kms_key" "replica" {
  count    = var.table_replica_region == null ? 0 : 1
  provider = aws.replica

  description             = "The replica of ${local.names.table} at rest"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = replace(data.aws_iam_policy_document.key.json, ".${local.region}.amazonaws.com", ".${var.table_replica_region}.amazonaws.com")
}

locals {
  table_scaling = var.table_capacity == null ? {} : {
    Read  = var.table_capacity.read
    Write = var.table_capacity.write
  }
}

resource "aws_appautoscaling_target" "table" {
  for_each = local.table_scaling

  service_namespace  = "dynamodb"
  scalable_dimension = "dynamodb:table:${each.key}CapacityUnits"
  resource_id        = "table/${aws_dynamodb_table.events.name}"
  min_capacity       = each.value.min
  max_capacity       = each.value.max
}

resource "aws_appautoscaling_policy" "table" {
  for_each = local.table_scaling

  name               = "${local.names.table}-${lower(each.key)}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.table[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.table[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.table[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = 70

    predefined_metric_specification {
      predefined_metric_type = "DynamoDB${each.key}CapacityUtilization"
    }
  }
}

# Powertools' layout. Rows live for a day, so nothing here is worth protecting from deletion.
resource "aws_dynamodb_table" "idempotency" {
  name         = local.names.idempotency_table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
  ttl {
    attribute_name = "expiration"
    enabled        = true
  }
  point_in_time_recovery {
    enabled = true
  }
  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.this.arn
  }
}
