"""Questions about access: asked by those who need an answer, decided by what decides when somebody acts."""
