# SPDX-License-Identifier: Apache-2.0
"""The simulated Perplexity Computer Analytics API, written from its wire contract."""
