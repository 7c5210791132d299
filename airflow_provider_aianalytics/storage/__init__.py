# SPDX-License-Identifier: Apache-2.0
"""What lands: encoders, the lake's layout, atomic commits and manifests."""
