package so.suna.queuemetrics.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BearerTokenTest {

  private static final BearerToken TOKEN = new BearerToken("aZ09._~+/-==");

  @ParameterizedTest
  @ValueSource(strings = {"Bearer aZ09._~+/-==", "bearer aZ09._~+/-==", "BEARER   aZ09._~+/-== "})
  void tokenIsShownInAnyCaseOfTheScheme(String authorization) {
    assertThat(TOKEN.isShownBy(authorization)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Bearer",
        "Bearer ",
        "aZ09._~+/-==",
        "Bearer aZ09._~+/-=",
        "Bearer aZ09._~+/-===",
        "Bearer az09._~+/-==",
        "Bearer \"aZ09._~+/-==\"",
        "Bearer aZ09._~+/-==, Bearer aZ09._~+/-==",
        "Bearer Bearer aZ09._~+/-==",
        "BeareraZ09._~+/-==",
        "Basic aZ09._~+/-==",
        "Token aZ09._~+/-==",
        "Bearer áZ09._~+/-==",
        "Bearer \uD83D",
      })
  void anythingElseDoesNotShowIt(String authorization) {
    assertThat(TOKEN.isShownBy(authorization)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "two words", "=", "a=b", "schlüssel", "a\n", "\"a\""})
  void tokenThatNoHeaderCanCarryIsRefused(String token) {
    assertThatThrownBy(() -> new BearerToken(token))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("token must match [A-Za-z0-9._~+/-]+=*");
  }

  @Test
  void tokenIsNeverPrinted() {
    assertThat(TOKEN).asString().doesNotContain("aZ09");
  }
}
