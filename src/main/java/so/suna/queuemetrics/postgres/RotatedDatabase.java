package so.suna.queuemetrics.postgres;

import java.sql.SQLException;
import java.util.function.Supplier;

/**
 * A database whose URL is in a secret. If the database refuses the login, the secret is read again
 * and the URL that it holds now is tried once, and kept for later. Safe for use by several threads,
 * which wait for each other.
 */
public final class RotatedDatabase {

  private Database database;
  private final Supplier<String> secret;

  /**
   * @param database as the URL was at the start
   */
  public RotatedDatabase(Database database, Supplier<String> secret) {
    this.database = database;
    this.secret = secret;
  }

  /**
   * @throws SQLException as {@link Database#selectOne} does, or if the secret cannot be read or
   *     holds no URL
   */
  public synchronized void selectOne() throws SQLException {
    try {
      database.selectOne();
    } catch (SQLException refusal) {
      // https://www.postgresql.org/docs/current/errcodes-appendix.html: invalid authorization
      if (!String.valueOf(refusal.getSQLState()).startsWith("28")) {
        throw refusal;
      }
      try {
        database = Database.of(secret.get());
      } catch (IllegalStateException | IllegalArgumentException e) {
        throw new SQLException(
            "%s; %s (DATABASE_URL_SECRET_ARN)".formatted(refusal.getMessage(), e.getMessage()), e);
      }
      database.selectOne();
    }
  }
}
