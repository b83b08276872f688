// For mongosh. MongoDB makes collections by itself; all that is needed is a unique index on the primary key, where it is not _id.
const collection = db.getCollection("{{json:table}}");
const primaryKey = [].concat("{{json:primaryKey}}");
if (primaryKey.join() !== "_id") {
  collection.createIndex(Object.fromEntries(primaryKey.map((field) => [field, 1])), { unique: true });
}
