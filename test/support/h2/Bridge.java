import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.h2.util.json.JSONArray;
import org.h2.util.json.JSONBoolean;
import org.h2.util.json.JSONNull;
import org.h2.util.json.JSONNumber;
import org.h2.util.json.JSONObject;
import org.h2.util.json.JSONString;
import org.h2.util.json.JSONStringSource;
import org.h2.util.json.JSONValue;
import org.h2.util.json.JSONValueTarget;

/**
 * Runs statements on H2 through JDBC for programs that have no JDBC: a line of JSON asks, a line of JSON answers. A socket is a
 * connection of its own, and its transaction is rolled back when the socket goes.
 *
 *     java -cp h2.jar Bridge.java port jdbc-url
 *
 * Asks: {"sql", "rows": [[value, …], …]}, {"commit": true}, {"rollback": true}, {"cut": true}, which closes the sockets that wait for
 * an answer. A value is null, a text, a number (a double),
 * {"base64"} or {"array": [text or null, …]}. Every row is one execution; they stop at the first error, or with "goOn" collect it.
 * Answers: {"types": [name], "rows": [[text | null | {"base64"}]]} or {"affected", "errors": [{"row", "code", "state", "message"}]},
 * {"cut": n}, or {"error": …}.
 */
public final class Bridge {
  private static final Set<Socket> waiting = ConcurrentHashMap.newKeySet();

  public static void main(String[] args) throws Exception {
    // Keeps the database open between connections.
    Connection keeper = DriverManager.getConnection(args[1]);
    try (ServerSocket server = new ServerSocket(Integer.parseInt(args[0]), 50, InetAddress.getLoopbackAddress())) {
      while (!keeper.isClosed()) {
        Socket socket = server.accept();
        socket.setTcpNoDelay(true);
        new Thread(() -> serve(socket, args[1])).start();
      }
    }
  }

  private static void serve(Socket socket, String url) {
    try (socket;
        Connection connection = DriverManager.getConnection(url);
        BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        PrintWriter out = new PrintWriter(socket.getOutputStream(), false, StandardCharsets.UTF_8)) {
      connection.setAutoCommit(false);
      for (String line; (line = in.readLine()) != null;) {
        String answer;
        JSONObject request = (JSONObject) JSONStringSource.parse(line, new JSONValueTarget());
        if (request.getFirst("cut") != null) answer = cut();
        else {
          waiting.add(socket);
          try {
            answer = answer(connection, request);
          } catch (SQLException error) {
            answer = "{\"error\":" + describe(error, 0) + "}";
          } finally {
            waiting.remove(socket);
          }
        }
        out.println(answer);
        out.flush();
      }
      connection.rollback();
    } catch (Exception error) {
      error.printStackTrace();
    }
  }

  /** Their transactions are rolled back once their statements end. */
  private static String cut() throws IOException {
    int count = 0;
    for (Socket socket : waiting) {
      socket.close();
      count++;
    }
    return "{\"cut\":" + count + "}";
  }

  private static String answer(Connection connection, JSONObject request) throws SQLException {
    if (request.getFirst("commit") != null) {
      connection.commit();
      return "{}";
    }
    if (request.getFirst("rollback") != null) {
      connection.rollback();
      return "{}";
    }
    boolean goOn = request.getFirst("goOn") != null;
    try (PreparedStatement statement = connection.prepareStatement(text(request.getFirst("sql")))) {
      int affected = 0;
      StringBuilder errors = new StringBuilder();
      JSONValue[] rows = ((JSONArray) request.getFirst("rows")).getArray();
      for (int i = 0; i < rows.length; i++) {
        JSONValue[] values = ((JSONArray) rows[i]).getArray();
        for (int n = 0; n < values.length; n++) bind(connection, statement, n + 1, values[n]);
        try {
          if (statement.execute()) return answer(statement.getResultSet());
          affected += statement.getUpdateCount();
        } catch (SQLException error) {
          if (!goOn) throw error;
          if (errors.length() > 0) errors.append(',');
          errors.append(describe(error, i));
        }
      }
      return "{\"affected\":" + affected + ",\"errors\":[" + errors + "]}";
    }
  }

  private static void bind(Connection connection, PreparedStatement statement, int n, JSONValue value) throws SQLException {
    if (value instanceof JSONNull) statement.setObject(n, null);
    else if (value instanceof JSONString) statement.setString(n, text(value));
    else if (value instanceof JSONBoolean) statement.setBoolean(n, value == JSONBoolean.TRUE);
    else if (value instanceof JSONNumber) statement.setDouble(n, ((JSONNumber) value).getBigDecimal().doubleValue());
    else if (((JSONObject) value).getFirst("double") != null) {
      statement.setDouble(n, Double.parseDouble(text(((JSONObject) value).getFirst("double"))));
    } else if (((JSONObject) value).getFirst("base64") != null) {
      statement.setBytes(n, Base64.getDecoder().decode(text(((JSONObject) value).getFirst("base64"))));
    } else {
      JSONValue[] items = ((JSONArray) ((JSONObject) value).getFirst("array")).getArray();
      Object[] texts = new Object[items.length];
      for (int i = 0; i < items.length; i++) texts[i] = items[i] instanceof JSONNull ? null : text(items[i]);
      statement.setArray(n, connection.createArrayOf("VARCHAR", texts));
    }
  }

  private static String text(JSONValue value) {
    return ((JSONString) value).getString();
  }

  private static String answer(ResultSet result) throws SQLException {
    StringBuilder types = new StringBuilder();
    for (int n = 1; n <= result.getMetaData().getColumnCount(); n++) {
      types.append(n > 1 ? "," : "").append(quote(result.getMetaData().getColumnTypeName(n)));
    }
    return "{\"types\":[" + types + "],\"rows\":" + rowsOf(result) + "}";
  }

  private static String rowsOf(ResultSet result) throws SQLException {
    StringBuilder out = new StringBuilder("[");
    int width = result.getMetaData().getColumnCount();
    while (result.next()) {
      out.append(out.length() > 1 ? ",[" : "[");
      for (int n = 1; n <= width; n++) {
        if (n > 1) out.append(',');
        Object value = result.getObject(n);
        if (value == null) out.append("null");
        else if (value instanceof byte[] || value instanceof java.sql.Blob) {
          out.append("{\"base64\":\"").append(Base64.getEncoder().encodeToString(result.getBytes(n))).append("\"}");
        } else if (value instanceof BigDecimal) out.append(quote(((BigDecimal) value).toPlainString()));
        else out.append(quote(result.getString(n)));
      }
      out.append(']');
    }
    return out.append(']').toString();
  }

  private static String describe(SQLException error, int row) {
    return "{\"row\":" + row + ",\"code\":" + error.getErrorCode() + ",\"state\":" + quote(String.valueOf(error.getSQLState()))
        + ",\"message\":" + quote(String.valueOf(error.getMessage())) + "}";
  }

  private static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20 || c == 0x7f || Character.isSurrogate(c) || c == 0x2028 || c == 0x2029) {
        out.append(String.format("\\u%04x", (int) c));
      } else out.append(c);
    }
    return out.append('"').toString();
  }
}
