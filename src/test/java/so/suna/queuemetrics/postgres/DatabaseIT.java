package so.suna.queuemetrics.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.util.GT;
import org.postgresql.util.PSQLException;
import so.suna.queuemetrics.kit.StubServer;
import so.suna.queuemetrics.local.RedisServer;

/**
 * Against a real PostgreSQL, which asks only one user for a password. What the driver says itself
 * is in the language of the machine, so {@code GT} translates what is expected.
 */
@Order(1)
class DatabaseIT {

  /** Of the user {@code su na}, percent-encoded. */
  private static final String PASSWORD = "p%3Aa%2Fs%25s+w%40rd";

  private static final String REFUSED = "FATAL: password authentication failed for user \"su na\"";

  @AutoClose
  @SuppressWarnings("NullAway.Init")
  private static EmbeddedPostgres postgres;

  @BeforeAll
  static void start() throws IOException, SQLException {
    // Of the locale of the shell, which may not be installed, initdb would complain.
    postgres = EmbeddedPostgres.builder().setLocaleConfig("locale", "C").start();
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE USER \"su na\" PASSWORD 'p:a/s%s+w@rd'");
      try (ResultSet file = statement.executeQuery("SHOW hba_file")) {
        file.next();
        Path rules = Path.of(file.getString(1));
        Files.writeString(
            rules, "host all \"su na\" 127.0.0.1/32 scram-sha-256\n" + Files.readString(rules));
      }
      statement.execute("SELECT pg_reload_conf()");
    }
  }

  private static void assertFails(ThrowingCallable question, String message) {
    assertThatThrownBy(question).isInstanceOf(SQLException.class).hasMessage(message);
  }

  private static Database database(String format) {
    return Database.of(format.formatted(postgres.getPort()));
  }

  /** As the user who needs a password. */
  private static String url(String password, String database) {
    return "postgresql://su%%20na:%s@127.0.0.1:%d/%s"
        .formatted(password, postgres.getPort(), database);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "postgresql://postgres@127.0.0.1:%d/postgres",
        "postgres://postgres:any@127.0.0.1:%d/postgres?sslmode=disable",
        "postgresql+asyncpg://postgres@127.0.0.1:%d",
        "postgresql://su%%20na:p%%3Aa%%2Fs%%25s+w%%40rd@127.0.0.1:%d/postgres",
      })
  void runningServerAnswers(String format) {
    assertThatCode(database(format)::selectOne).doesNotThrowAnyException();
  }

  @Test
  void databaseCanBeAskedAgainAndNoConnectionIsLeftBehind() throws SQLException {
    String leftBehind =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'template1' AND pid <> pg_backend_pid()";
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      Database database = database("postgresql://postgres@127.0.0.1:%d/template1");
      database.selectOne();
      database.selectOne();
      await()
          .untilAsserted(
              () -> {
                try (ResultSet count = statement.executeQuery(leftBehind)) {
                  count.next();
                  assertThat(count.getInt(1)).isZero();
                }
              });
    }
  }

  @Test
  void wrongPasswordFailsWithoutBeingShown() {
    assertFails(Database.of(url("s3cret", "postgres"))::selectOne, REFUSED);
  }

  @Test
  void rotatedUrlIsReadFromItsSecretOnceAndKept() throws SQLException {
    var secretReads = new AtomicInteger();
    var rotated =
        new RotatedDatabase(
            Database.of(url("before", "postgres")),
            () -> {
              secretReads.incrementAndGet();
              return url(PASSWORD, "postgres");
            });
    rotated.selectOne();
    rotated.selectOne();
    assertThat(secretReads).hasValue(1);
  }

  @Test
  void urlsThatAreBothRefusedFail() {
    var rotated =
        new RotatedDatabase(
            Database.of(url("before", "postgres")), () -> url("not-yet", "postgres"));
    assertFails(rotated::selectOne, REFUSED);
  }

  @Test
  void secretIsNotReadForADatabaseThatDoesNotExist() {
    var rotated =
        new RotatedDatabase(
            Database.of(url(PASSWORD, "x")),
            () -> {
              throw new AssertionError("read the secret");
            });
    assertFails(rotated::selectOne, "FATAL: database \"x\" does not exist");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "secret arn:db not read: denied | secret arn:db not read: denied",
        "| URL must be postgresql://user:password@host:port/name, with special characters percent-encoded"
      })
  void secretThatHoldsNoUrlIsNamedBesideTheRefusal(@Nullable String failure, String said) {
    var rotated =
        new RotatedDatabase(
            Database.of(url("before", "postgres")),
            () -> {
              if (failure != null) {
                throw new IllegalStateException(failure);
              }
              return "s3cret";
            });
    assertFails(rotated::selectOne, "%s; %s (DATABASE_URL_SECRET_ARN)".formatted(REFUSED, said));
  }

  @Test
  void serverWithoutTlsFailsWhereTlsIsRequired() {
    assertFails(
        database("postgresql://postgres@127.0.0.1:%d/postgres?sslmode=require")::selectOne,
        GT.tr("The server does not support SSL."));
  }

  @Test
  void stoppedServerFails() {
    int port = RedisServer.freePort();

    assertFails(
        Database.of("postgresql://suna@127.0.0.1:" + port)::selectOne,
        GT.tr(
            "Connection to {0} refused. Check that the hostname and port are correct and that the postmaster is accepting TCP/IP connections.",
            "127.0.0.1:" + port));
  }

  @Test
  void serverThatAcceptsAndSaysNothingFailsWithinTheLoginTimeout() throws IOException {
    try (var silent = StubServer.silent()) {
      Database database = Database.of("postgresql://suna@127.0.0.1:" + silent.port());

      assertTimeout(
          Duration.ofSeconds(5),
          () ->
              assertThatThrownBy(database::selectOne)
                  .isInstanceOf(PSQLException.class)
                  // The first where a read ends before the login does: it may be the second try,
                  // without TLS.
                  .message()
                  .isIn(
                      GT.tr("The connection attempt failed."),
                      GT.tr("Connection attempt timed out.")));
    }
  }
}
