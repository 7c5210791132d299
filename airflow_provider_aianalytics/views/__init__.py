# SPDX-License-Identifier: Apache-2.0
"""SQL views over what has landed: one typed view a table, and the four that answer what people ask."""
