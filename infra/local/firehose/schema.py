"""The columns to convert to, from the Glue table that a delivery stream names."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.local.firehose.settings import CatalogTable
from infra.openx.glue_types import Column, read_columns
from producers.retry import error_code

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient


class TableMissing(Exception):
    """The table, or this version of it, does not exist.

    Args:
        code: of the error object: Firehose's prefix and the code of Glue's own error.
        message: Glue's.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TableSchema:
    """Reads the table anew at each delivery, so that `LATEST` follows its changes.

    Args:
        glue: a boto3 client.
        table: which table.
    """

    def __init__(self, glue: "GlueClient", table: CatalogTable) -> None:
        self._glue = glue
        self._table = table

    def columns(self) -> tuple[Column, ...]:
        """The table's columns, without its partition keys, which Firehose does not write.

        Raises:
            TableMissing: Glue knows no such table.
            infra.openx.glue_types.UnsupportedSchema: a column has a type that is not supported.
            botocore.exceptions.ClientError, BotoCoreError: Glue does not answer; try again.
        """
        try:
            table = self._read()
        except ClientError as error:
            code = error_code(error)
            if code == "EntityNotFoundException":
                message = error.response.get("Error", {}).get("Message", "")
                raise TableMissing(f"DataFormatConversion.{code}", message) from None
            raise
        return read_columns(table.get("StorageDescriptor", {}).get("Columns", []))

    def _read(self) -> Any:
        database, name = self._table.database, self._table.table
        if self._table.version == "LATEST":
            return self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        answer = self._glue.get_table_version(DatabaseName=database, TableName=name, VersionId=self._table.version)
        return answer["TableVersion"]["Table"]
