# The lake: its bucket, and its tables in Glue's catalogue as archive/lake/tables.py defines them.
locals {
  lake = jsondecode(file("${path.module}/lake_tables.json"))
  lake_buckets = {
    lake         = local.names.lake_bucket
    dead_letters = local.names.dead_letter_bucket
  }
}

module "lake_bucket" {
  source = "./bucket"

  name          = local.names.lake_bucket
  arn           = local.arns.lake_bucket
  key_arn       = aws_kms_key.this.arn
  transitions   = var.storage_transitions
  force_destroy = var.force_destroy
}

resource "aws_glue_catalog_database" "lake" {
  name        = local.names.database
  description = "The lake of Spillway ${var.environment}"
}

resource "aws_glue_catalog_table" "lake" {
  for_each = local.lake.tables

  name          = each.key
  description   = each.value.comment
  database_name = aws_glue_catalog_database.lake.name
  table_type    = "EXTERNAL_TABLE"

  # With partition projection Athena computes the partitions, so that no crawler has to find them.
  parameters = { for name, value in each.value.parameters : name => replace(value, "$${bucket}", local.lake_buckets[each.value.bucket]) }

  dynamic "partition_keys" {
    for_each = each.value.partitions
    content {
      name    = partition_keys.value.name
      type    = partition_keys.value.type
      comment = partition_keys.value.comment
    }
  }

  storage_descriptor {
    location      = replace(each.value.location, "$${bucket}", local.lake_buckets[each.value.bucket])
    input_format  = each.value.input_format
    output_format = each.value.output_format

    ser_de_info {
      serialization_library = each.value.serde
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}

# The view over them, as Athena itself stores one.
resource "aws_glue_catalog_table" "view" {
  name               = local.lake.view.name
  description        = local.lake.view.comment
  database_name      = aws_glue_catalog_database.lake.name
  table_type         = "VIRTUAL_VIEW"
  parameters         = { presto_view = "true", comment = "Presto View" }
  view_expanded_text = "/* Presto View */"
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = local.lake.view.sql
    catalog     = "awsdatacatalog"
    schema      = aws_glue_catalog_database.lake.name
    columns     = local.lake.view.presto_columns
  }))} */"

  storage_descriptor {
    # Athena refuses every query of a view without it. Named, since the provider sends no empty block.
    ser_de_info {
      name = local.lake.view.name
    }

    dynamic "columns" {
      for_each = local.lake.view.columns
      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}
