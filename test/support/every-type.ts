/** For `wbsync init --mapping`: a field of every type. */
const TYPES = "text integer decimal float boolean date time datetime json uuid binary".split(" ");

export const MAPPING_OF_EVERY_TYPE = TYPES.map((type) => `${type}=${type}_column:${type}`).join(", ");
