package so.suna.queuemetrics.postgres;

import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A PostgreSQL that is asked only whether it answers. Each time with a connection of its own, so
 * any thread may ask.
 */
public final class Database {

  /** SQLAlchemy adds a driver: {@code postgresql+driver://user:password@host:port/name}. */
  private static final Pattern SCHEME = Pattern.compile("postgres(ql)?(\\+[a-z0-9]+)?");

  private static final Pattern SSLMODE = Pattern.compile("(?:^|&)sslmode=([^&]*)");
  // https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
  private static final List<String> SSLMODES =
      List.of("disable", "allow", "prefer", "require", "verify-ca", "verify-full");

  final String jdbcUrl;
  final Properties properties;

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
    URI uri = uri(url);
    var properties = new Properties();
    String[] user = Objects.requireNonNullElse(uri.getRawUserInfo(), "").split(":", 2);
    if (!user[0].isEmpty()) {
      properties.setProperty("user", decoded(user[0]));
    }
    if (user.length == 2) {
      properties.setProperty("password", decoded(user[1]));
    }
    Matcher sslmode = SSLMODE.matcher(Objects.requireNonNullElse(uri.getRawQuery(), ""));
    if (sslmode.find()) {
      properties.setProperty("sslmode", sslmode.group(1));
      if (!SSLMODES.contains(sslmode.group(1))) {
        throw new IllegalArgumentException("sslmode must be one of " + String.join(", ", SSLMODES));
      }
    }
    // In seconds. loginTimeout bounds all addresses, each tried with TLS and then without.
    properties.setProperty("loginTimeout", "3");
    properties.setProperty("connectTimeout", "1");
    properties.setProperty("socketTimeout", "2");
    // The driver wants the slash even where no name follows; the name is the user's then.
    String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
    return new Database(
        "jdbc:postgresql://%s:%s%s".formatted(uri.getHost(), port(uri), path), properties);
  }

  private static URI uri(String url) {
    try {
      var uri = new URI(url);
      if (SCHEME.matcher(String.valueOf(uri.getScheme())).matches()
          && uri.getHost() != null
          && port(uri) >= 1
          && port(uri) <= 65_535
          && uri.getRawPath().lastIndexOf('/') <= 0) {
        return uri;
      }
    } catch (URISyntaxException _) {
      // Its message quotes the URL, which holds a password.
    }
    throw new IllegalArgumentException(
        "URL must be postgresql://user:password@host:port/name, with special characters percent-encoded");
  }

  private static int port(URI uri) {
    return uri.getPort() == -1 ? 5432 : uri.getPort();
  }

  /**
   * @throws SQLException unless the login succeeds within 3 s, and {@code SELECT 1} within 2 s more
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
