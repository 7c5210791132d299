# SPDX-License-Identifier: Apache-2.0
"""The export of landed costs as FOCUS 1.2 Cost and Usage rows."""
