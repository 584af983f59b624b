package so.suna.queuemetrics.postgres;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A PostgreSQL that is asked only whether it answers. Each time with a connection of its own, so
 * any thread may ask.
 */
public final class Database {

  /**
   * SQLAlchemy and libpq agree on this much: {@code
   * postgresql+driver://user:password@host:port/name?sslmode=require}.
   */
  private static final Pattern SCHEME = Pattern.compile("postgres(ql)?(\\+[a-z0-9]+)?");

  private static final Pattern SSLMODE = Pattern.compile("(?:^|&)sslmode=([a-z-]+)");

  private static final String CONNECT_TIMEOUT_SECONDS = "1";
  private static final String READ_TIMEOUT_SECONDS = "2";

  private final String jdbcUrl;
  private final Properties properties;

  private Database(String jdbcUrl, Properties properties) {
    this.jdbcUrl = jdbcUrl;
    this.properties = properties;
  }

  /**
   * The database of a URL as Python programs write it. Of its parameters only {@code sslmode}
   * counts here.
   *
   * @throws IllegalArgumentException if the URL is none; without the URL, since it holds a password
   */
  public static Database of(String url) {
    URI uri;
    try {
      uri = URI.create(url);
    } catch (IllegalArgumentException _) {
      throw new IllegalArgumentException(
          "a URL, with special characters of the password percent-encoded");
    }
    if (uri.getScheme() == null
        || !SCHEME.matcher(uri.getScheme()).matches()
        || uri.getHost() == null) {
      throw new IllegalArgumentException("postgresql://user:password@host:port/name");
    }
    var properties = new Properties();
    String[] user =
        String.valueOf(uri.getRawUserInfo() == null ? "" : uri.getRawUserInfo()).split(":", 2);
    if (!user[0].isEmpty()) {
      properties.setProperty("user", decoded(user[0]));
    }
    if (user.length == 2) {
      properties.setProperty("password", decoded(user[1]));
    }
    Matcher sslmode = SSLMODE.matcher(uri.getRawQuery() == null ? "" : uri.getRawQuery());
    if (sslmode.find()) {
      properties.setProperty("sslmode", sslmode.group(1));
    }
    properties.setProperty("connectTimeout", CONNECT_TIMEOUT_SECONDS);
    properties.setProperty("socketTimeout", READ_TIMEOUT_SECONDS);
    // A pooler such as PgBouncer may hand every statement to another server connection.
    properties.setProperty("prepareThreshold", "0");
    int port = uri.getPort() == -1 ? 5432 : uri.getPort();
    return new Database(
        "jdbc:postgresql://%s:%d%s".formatted(uri.getHost(), port, uri.getRawPath()), properties);
  }

  /**
   * @throws SQLException unless {@code SELECT 1} succeeds within about 3 s
   */
  public void selectOne() throws SQLException {
    try (Connection connection = DriverManager.getConnection(jdbcUrl, properties);
        Statement statement = connection.createStatement()) {
      statement.execute("SELECT 1");
    }
  }

  private static String decoded(String part) {
    return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
  }
}
