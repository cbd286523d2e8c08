"""Who answers: ports and drivers of the four systems. Knows no GraphQL."""
