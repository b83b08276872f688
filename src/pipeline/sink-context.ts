/** What a recipe's sinks are told. */
import type { SinkContext, Source } from "../connectors/connector.js";
import type { ColumnType, Recipe } from "../recipe/recipe.js";

/** The server that recipes read. */
export type Server = Omit<Source, "keysPrefix">;

export function sinkContext(recipe: Recipe, server: Server): SinkContext {
  const types: Record<string, ColumnType> = {};
  for (const { column, type } of recipe.mappings) if (type) types[column] = type;
  return {
    recipe: recipe.name,
    columns: recipe.mappings.map(({ column }) => column),
    types,
    source: { ...server, keysPrefix: recipe.keysPrefix },
  };
}
