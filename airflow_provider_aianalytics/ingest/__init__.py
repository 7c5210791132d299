# SPDX-License-Identifier: Apache-2.0
"""The one loop: windows in, committed partitions out."""
