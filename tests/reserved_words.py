# SPDX-License-Identifier: Apache-2.0
"""The words that databases refuse as the name of a column without quotes, from their documentation."""

from __future__ import annotations

POSTGRESQL = """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema
    current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for
    foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral
    leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps
    placing primary references returning right select session_user similar some symmetric system_user table
    tablesample then to trailing true union unique user using variadic verbose when where window with
"""
"""Appendix C, SQL Key Words: "reserved" and "reserved (can be function or type)"."""

SNOWFLAKE = """
    account all alter and any as between by case cast check column connect connection constraint create cross
    current current_date current_time current_timestamp current_user database delete distinct drop else exists false
    following for from full grant group gscluster having ilike in increment inner insert intersect into is issue
    join lateral left like localtime localtimestamp minus natural not null of on or order organization qualify
    regexp revoke right rlike row rows sample schema select set some start table tablesample then to trigger true
    try_cast union unique update using values view when whenever where with
"""
"""SQL reference, Reserved and limited keywords."""

BIGQUERY = """
    all and any array as asc assert_rows_modified at between by case cast collate contains create cross cube current
    default define desc distinct else end enum escape except exclude exists extract false fetch following for from
    full graph_table group grouping groups hash having if ignore in inner intersect interval into is join lateral
    left like limit lookup merge natural new no not null nulls of on or order outer over partition preceding proto
    qualify range recursive respect right rollup rows select set some struct tablesample then to treat true
    unbounded union unnest using when where window with within
"""
"""GoogleSQL, Lexical structure: reserved keywords."""
BIGQUERY_PREFIXES = ("_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier", "_change_")
"""Schemas, Column names: what the names of columns must not begin with."""

ATHENA = """
    all alter and array as authorization between bigint binary boolean both by case cashe cast char column commit
    conf constraint create cross cube current current_catalog current_date current_path current_schema current_time
    current_timestamp current_user cursor database dayofweek deallocate decimal delete describe distinct div double
    drop else end escape except exchange execute exists extended external extract false fetch first float floor
    following for foreign from full function grant group grouping having if import in inner insert int integer
    intersect interval into is join json_array json_exists json_object json_query json_table json_value last lateral
    left less like listagg local localtime localtimestamp macro map more natural none normalize not null numeric of
    on only or order out outer over partialscan partition percent preceding precision prepare preserve primary
    procedure range reads recursive reduce references regexp revoke right rlike rollback rollup row rows select set
    skip smallint start table tablesample then time timestamp to transform trigger trim true truncate uescape
    unbounded union uniquejoin unnest update user using utc_timestamp values varchar views when where window with
"""
"""Escape reserved keywords in queries: those of DDL and those of SELECT. ``date``, reserved in DDL, is the folder's."""

REDSHIFT = """
    aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary
    blanksasnull both bytedict bzip2 case cast check collate column constraint create credentials cross current_date
    current_time current_timestamp current_user current_user_id default deferrable deflate defrag delta delta32k
    desc disable distinct do else emptyasnull enable encode encrypt encryption end except explicit false for foreign
    freeze from full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially inner
    intersect interval into is isnull join leading left like limit localtime localtimestamp lun luns lzo lzop minus
    mostly16 mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open or order
    outer overlaps parallel partition percent permissions pivot placing primary raw readratio recover references
    rejectlog resort respect restore right select session_user similar snapshot some sysdate system table tag tdes
    text255 text32k then timestamp to top trailing true truncatecolumns type union unique unnest unpivot user using
    verbose wallet when where with without
"""
"""Database developer guide, Reserved words; ``type`` is from sqlglot's list."""

DATABRICKS = """
    all alter and anti any array as at authorization between both by case cast check collate column commit
    constraint create cross cube current current_date current_time current_timestamp current_user default delete
    describe distinct drop else end escape except exists external extract false fetch filter for foreign from full
    function global grant group grouping having in inner insert intersect interval into is join lateral leading left
    like local minus natural no not null of on only or order out outer overlaps partition position primary range
    references revoke right rollback rollup row rows select semi session_user set some start table tablesample then
    time to trailing true truncate union unique unknown update user using values when where window with
"""
"""SQL language reference, Reserved words and schemas, with the ANSI reserved words."""

RESERVED = {
    "PostgreSQL": set(POSTGRESQL.split()),
    "Snowflake": set(SNOWFLAKE.split()),
    "BigQuery": set(BIGQUERY.split()),
    "Athena": set(ATHENA.split()),
    "Redshift": set(REDSHIFT.split()),
    "Databricks": set(DATABRICKS.split()),
}
