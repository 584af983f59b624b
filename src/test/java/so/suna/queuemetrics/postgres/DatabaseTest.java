package so.suna.queuemetrics.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DatabaseTest {

  @ParameterizedTest
  @CsvSource({
    "postgres://db.example/app,          jdbc:postgresql://db.example:5432/app",
    "postgresql+asyncpg://db.example/app,jdbc:postgresql://db.example:5432/app",
    "postgresql+psycopg2://db.example/a, jdbc:postgresql://db.example:5432/a",
    "postgresql://db.example:1/app,      jdbc:postgresql://db.example:1/app",
    "postgresql://db.example:65535/app,  jdbc:postgresql://db.example:65535/app",
    "postgresql://db.example/app,        jdbc:postgresql://db.example:5432/app",
    "postgresql://db.example:/app,       jdbc:postgresql://db.example:5432/app",
    "postgresql://db.example/,           jdbc:postgresql://db.example:5432/",
    "postgresql://db.example,            jdbc:postgresql://db.example:5432/",
    "postgresql://db.example/a%20b%2Fc,  jdbc:postgresql://db.example:5432/a%20b%2Fc",
    "postgresql://10.0.0.7/app,          jdbc:postgresql://10.0.0.7:5432/app",
    "postgresql://[::1]:6543/app,        jdbc:postgresql://[::1]:6543/app",
    "postgresql://db.example/app?a=b&c=d,jdbc:postgresql://db.example:5432/app",
  })
  void addressIsReadForAnyPythonDriverAndMissingPartsGetTheirDefaults(String url, String jdbcUrl) {
    assertThat(Database.of(url).jdbcUrl).isEqualTo(jdbcUrl);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "postgresql://su%40na:p%3Aa%2Fs%25s+w%C3%B6rd%3F@db.example | su@na | p:a/s%s+wörd?",
        "postgresql://suna:a:b@db.example                           | suna  | a:b",
        "postgresql://:secret@db.example/app                        |       | secret",
        "postgresql://db.example/app                                |       |",
      })
  void loginIsPercentDecodedAndMayLackEitherPart(
      String url, @Nullable String user, @Nullable String password) {
    Properties properties = Database.of(url).properties;
    assertThat(properties.getProperty("user")).isEqualTo(user);
    assertThat(properties.getProperty("password")).isEqualTo(password);
  }

  @ParameterizedTest
  @ValueSource(strings = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
  void sslmodeIsKeptWhereverItStands(String mode) {
    assertThat(Database.of("postgresql://db.example/app?sslmode=" + mode).properties)
        .containsEntry("sslmode", mode);
    assertThat(Database.of("postgresql://db.example?a=b&sslmode=%s&c=d".formatted(mode)).properties)
        .containsEntry("sslmode", mode);
  }

  @Test
  void driverIsToldHowLongToWaitWhateverOtherParametersSay() {
    assertThat(
            Database.of("postgresql://db.example/app?xsslmode=require&socketTimeout=0").properties)
        .containsEntry("loginTimeout", "3")
        .containsEntry("connectTimeout", "1")
        .containsEntry("socketTimeout", "2")
        .doesNotContainKey("sslmode");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "REQUIRE", "on", "require%20"})
  void unknownSslmodeIsRefusedSinceTheDriverWouldConnectWithoutTls(String mode) {
    assertThatThrownBy(() -> Database.of("postgresql://db.example/app?sslmode=" + mode))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "junk",
        "",
        "db.example:5432/app",
        "mysql://suna:s3cret@db.example/app",
        "jdbc:postgresql://db.example/app",
        "postgresqlx://db.example/app",
        "postgresql:db.example",
        "postgresql:///app",
        "postgresql://suna:s3cret@/app",
        "postgresql://suna:s3@cret@db.example/app",
        "postgresql://suna:s3#cret@db.example/app",
        "postgresql://suna:s3/cret@db.example/app",
        "postgresql://suna:s3?cret@db.example/app",
        "postgresql://suna:s3%cret@db.example/app",
        "postgresql://suna:s3 cret@db.example/app",
        "postgresql://a.example:1,b.example:2/app",
        "postgresql://db.example:0/app",
        "postgresql://db.example:65536/app",
        "postgresql://db.example:x/app",
        "postgresql://db.example/app/more",
        " postgresql://db.example/app",
      })
  void junkIsRefusedWithoutBeingShown(String url) {
    assertThatThrownBy(() -> Database.of(url))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "URL must be postgresql://user:password@host:port/name, with special characters percent-encoded")
        .hasNoCause();
  }

  @Test
  void printedDatabaseShowsNoPassword() {
    assertThat(Database.of("postgresql://suna:s3cret@db.example/app"))
        .asString()
        .doesNotContain("s3cret");
  }
}
